package shop.orders;

import java.util.ArrayList;
import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;

/** Every statement of this service. */
public class Store {
    private final JdbcTemplate jdbc;

    public Store(JdbcTemplate jdbc) {
        this.jdbc = jdbc;
    }

    /** Rows of purchase. */
    public Object findOrders(Object value0) {
        return jdbc.queryForList("SELECT id, total, state FROM purchase WHERE user_id = ? ORDER BY id DESC LIMIT 10", value0);
    }

    /** Lines of many orders, so many orders a statement. */
    public List<Object> findLines(List<Long> orders) {
        List<Object> lines = new ArrayList<>();
        for (int at = 0; at < orders.size(); at += Settings.LINE_BATCH_SIZE) {
            List<Long> some = orders.subList(at, Math.min(orders.size(), at + Settings.LINE_BATCH_SIZE));
            lines.addAll(jdbc.queryForList("SELECT * FROM purchase_line WHERE order_id = ANY (?)", some));
        }
        return lines;
    }

    /** Rows of product_rule. */
    public Object findRule(Object value0) {
        return jdbc.queryForList("SELECT kind, bound FROM product_rule WHERE item_id = ?", value0);
    }

    /** Writes purchase. */
    public int insertOrder(Object value0, Object value1, Object value2) {
        return jdbc.update("INSERT INTO purchase (id, user_id, total) VALUES (?, ?, ?)", value0, value1, value2);
    }

    /** Writes purchase_line. */
    public int insertLine(Object value0, Object value1, Object value2) {
        return jdbc.update("INSERT INTO purchase_line (order_id, item_id, quantity) VALUES (?, ?, ?)", value0, value1, value2);
    }
}
