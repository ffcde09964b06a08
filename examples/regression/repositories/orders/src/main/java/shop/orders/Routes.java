package shop.orders;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.web.bind.annotation.*;

/** The routes. */
@RestController
public class Routes {
    private static final Logger LOG = LoggerFactory.getLogger(Routes.class);
    private final Store store;
    private final Clients clients;

    public Routes(Store store, Clients clients) {
        this.store = store;
        this.clients = clients;
    }

    @PostMapping("/v2/purchases")
    public Object create(@RequestBody Order order) {
        LOG.info("create {}", order.id());
        Checkout.validate(order, store);
        clients.fetchPrice(order);
        clients.reserveStock(order);
        clients.charge(order);
        store.insertOrder(order.arguments("insertOrder"));
        store.insertLine(order.arguments("insertLine"));
        return order;
    }

    @GetMapping("/v2/customers/{user}/purchases")
    public Object history(@RequestBody Order order) {
        LOG.info("history {}", order.id());
        store.findOrders(order.arguments("findOrders"));
        store.findLines(order.arguments("findLines"));
        return order;
    }
}
