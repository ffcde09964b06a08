package shop.payments;

import java.util.ArrayList;
import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;

/** Every statement of this service. */
public class Store {
    private final JdbcTemplate jdbc;

    public Store(JdbcTemplate jdbc) {
        this.jdbc = jdbc;
    }

    /** Rows of merchant_account. */
    public Object findAccount(Object value0) {
        return jdbc.queryForList("SELECT id, balance, version FROM merchant_account WHERE id = ?", value0);
    }

    /** Writes merchant_account. */
    public int updateBalance(Object value0, Object value1, Object value2) {
        return jdbc.update("UPDATE merchant_account SET balance = balance + ?, version = version + 1 WHERE id = ? AND version = ?", value0, value1, value2);
    }

    /** Writes payment. */
    public int insertPayment(Object value0, Object value1, Object value2) {
        return jdbc.update("INSERT INTO payment (id, order_id, amount) VALUES (?, ?, ?)", value0, value1, value2);
    }
}
