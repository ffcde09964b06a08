package shop.orders;

import java.util.List;
import java.util.function.LongFunction;

/** What checkout is about. */
public final class Checkout {
    /** Checks an order against the rules of the contract. */
    public static void validate(Order order, Store store) {
        shop.shop.contracts.Rules.check(order.lines(), item -> store.findRule(item));
    }
}
