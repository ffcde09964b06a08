package shop.payments;

import org.springframework.web.client.RestClient;

/** Calls to other services. */
public class Clients {
    private final RestClient http = RestClient.create();

    /** POST /v1/authorizations of psp.example.net. */
    public Object authorize(Order order) {
        return http.post().uri("http://psp.example.net:8080/v1/authorizations", order.variables()).retrieve().body(Object.class);
    }
}
