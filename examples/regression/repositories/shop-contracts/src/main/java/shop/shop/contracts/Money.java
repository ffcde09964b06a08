package shop.shop.contracts;

import java.util.List;
import java.util.function.LongFunction;

/** What money is about. */
public final class Money {
    /** This reads an amount. */
    public static Object parse(Object value) {
        return value;
    }
}
