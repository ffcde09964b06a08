package shop.orders;

import org.springframework.web.client.RestClient;

/** Calls to other services. */
public class Clients {
    private final RestClient http = RestClient.create();

    /** GET /v1/products/{item}/price of catalog. */
    public Object fetchPrice(Order order) {
        return http.get().uri("http://catalog:8080/v1/products/{item}/price", order.variables()).retrieve().body(Object.class);
    }

    /** POST /reserve of inventory. */
    public Object reserveStock(Order order) {
        return http.post().uri("http://inventory:8080/reserve", order.variables()).retrieve().body(Object.class);
    }

    /** POST /charges of payments. */
    public Object charge(Order order) {
        return http.post().uri("http://payments:8080/charges", order.variables()).retrieve().body(Object.class);
    }
}
