package shop.shop.contracts;

/** A Rule. */
public record Rule(String kind, int bound) {}
