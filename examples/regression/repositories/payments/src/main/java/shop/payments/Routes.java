package shop.payments;

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

    @PostMapping("/charges")
    public Object charge(@RequestBody Order order) {
        LOG.info("charge {}", order.id());
        store.findAccount(order.arguments("findAccount"));
        clients.authorize(order);
        store.updateBalance(order.arguments("updateBalance"));
        store.insertPayment(order.arguments("insertPayment"));
        return order;
    }
}
