// Settings; the environment may override them.
export const settings = {
  httpPort: 8080,
  shutdownGraceMs: 5000,
  metricsIntervalS: 10,
  reportBatchSize: 200,
  stockRetries: 0,
  stockBackoffMs: 200,
  stockTimeoutMs: 2000,
  catalogTimeoutMs: 2000,
  catalogRetries: 1,
  catalogBackoffMs: 50,
  cartTtlS: 300,
};
