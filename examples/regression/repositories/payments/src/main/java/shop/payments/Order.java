package shop.payments;

import java.util.List;
import java.util.Map;
import shop.shop.contracts.Line;

/** What a customer wants. */
public record Order(String id, long user, List<Line> lines, Map<String, Object> variables) {
    /** The values of a statement. */
    public List<Long> arguments(String statement) {
        return List.of(user);
    }
}
