package shop.shop.contracts;

/** Settings; the environment may override them. */
public final class Settings {
    public static final int SCHEMA_VERSION = 7;
    public static final int MAX_LINES = 60;
    public static final int MAX_QUANTITY = 99;
}
