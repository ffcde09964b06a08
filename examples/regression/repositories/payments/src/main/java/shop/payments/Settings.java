package shop.payments;

/** Settings; the environment may override them. */
public final class Settings {
    public static final int HTTP_PORT = 8080;
    public static final int SHUTDOWN_GRACE_MS = 5000;
    public static final int METRICS_INTERVAL_S = 10;
    public static final int REPORT_BATCH_SIZE = 200;
    public static final int LEASE_MS = 3000;
    public static final int RENEW_MS = 2000;
    public static final int PSP_TIMEOUT_MS = 4000;
    public static final int POOL_SIZE = 20;
}
