package shop.shop.contracts;

import java.util.List;
import java.util.function.LongFunction;

/** What rules is about. */
public final class Rules {
    /** Checks an order against the rules that all services share. */
    public static void check(List<Line> lines, LongFunction<Rule> rules) {
        if (lines.size() > Settings.MAX_LINES) {
            throw new IllegalArgumentException("too many lines");
        }
        for (Line line : lines) {
            if (line.quantity() > Settings.MAX_QUANTITY) {
                throw new IllegalArgumentException("too many of " + line.item());
            }
        }
    }
}
