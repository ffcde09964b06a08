package shop.payments;

import java.util.List;
import java.util.function.LongFunction;

/** What locking is about. */
public final class Locking {
    /** This does something while it holds a lease. */
    public static Object withLease(Object value) {
        return value;
    }
}
