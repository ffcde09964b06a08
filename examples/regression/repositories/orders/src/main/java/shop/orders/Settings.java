package shop.orders;

/** Settings; the environment may override them. */
public final class Settings {
    public static final int HTTP_PORT = 8080;
    public static final int SHUTDOWN_GRACE_MS = 5000;
    public static final int METRICS_INTERVAL_S = 10;
    public static final int REPORT_BATCH_SIZE = 200;
    public static final int LINE_BATCH_SIZE = 50;
    public static final int PAYMENTS_TIMEOUT_MS = 5000;
    public static final int POOL_SIZE = 20;
    public static final boolean LOG_PAYLOADS = false;
}
