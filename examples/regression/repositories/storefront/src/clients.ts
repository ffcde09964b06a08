import axios from 'axios';
import { settings } from './settings';
import { retrying } from './retrying';

export async function fetchProducts() {
  const reply = await retrying(settings.catalogRetries, settings.catalogBackoffMs, () =>
    axios.get(`http://catalog:8080/v1/products`, { timeout: settings.catalogTimeoutMs }),
  );
  return reply.data;
}

export async function fetchProduct(item: string) {
  const reply = await retrying(settings.catalogRetries, settings.catalogBackoffMs, () =>
    axios.get(`http://catalog:8080/v1/products/${item}`, { timeout: settings.catalogTimeoutMs }),
  );
  return reply.data;
}

export async function fetchHistory(user: string) {
  const reply = await retrying(settings.ordersRetries, settings.ordersBackoffMs, () =>
    axios.get(`http://orders:8080/v2/customers/${user}/purchases`, { timeout: settings.ordersTimeoutMs }),
  );
  return reply.data;
}

export async function fetchStock(item: string) {
  const reply = await retrying(settings.stockRetries, settings.stockBackoffMs, () =>
    axios.get(`http://inventory:8080/stock/${item}`, { timeout: settings.stockTimeoutMs }),
  );
  return reply.data;
}

export async function fetchPrice(item: string) {
  const reply = await retrying(settings.catalogRetries, settings.catalogBackoffMs, () =>
    axios.get(`http://catalog:8080/v1/products/${item}/price`, { timeout: settings.catalogTimeoutMs }),
  );
  return reply.data;
}
