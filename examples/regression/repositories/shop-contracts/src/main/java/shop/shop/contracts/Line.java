package shop.shop.contracts;

/** A Line. */
public record Line(long item, int quantity) {}
