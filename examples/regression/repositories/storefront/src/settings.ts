// Settings; the environment may override them.
export const settings = {
  httpPort: 8080,
  shutdownGraceMs: 5000,
  metricsIntervalS: 10,
  reportBatchSize: 200,
  catalogTimeoutMs: 150,
  catalogRetries: 1,
  catalogBackoffMs: 50,
  ordersTimeoutMs: 4000,
  ordersRetries: 0,
  ordersBackoffMs: 50,
  stockTimeoutMs: 2000,
  stockRetries: 0,
  stockBackoffMs: 50,
  recommendationsEnabled: false,
  bannerEnabled: true,
};
