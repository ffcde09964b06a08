import { Router } from 'express';
import * as clients from './clients';
import { settings } from './settings';
import * as views from './views';

export const router = Router();

router.get('/products', async function listProducts(request, response) {
  const { item, user } = request.params as any;
  let found: any;
  found = await clients.fetchProducts();
  for (const row of found) {
    if (row.price === null) row.price = await clients.fetchPrice(row.id);
  }
  found = views.renderList(found);
  response.json(found);
});

router.get('/products/:item', async function showProduct(request, response) {
  const { item, user } = request.params as any;
  let found: any;
  found = await clients.fetchProduct(item);
  if (settings.recommendationsEnabled) {
    for (const similar of found.similar ?? []) similar.price = await clients.fetchPrice(similar.id);
  }
  found = await clients.fetchStock(item);
  found = views.renderPage(found, found);
  response.json(found);
});

router.get('/purchases', async function showHistory(request, response) {
  const { item, user } = request.params as any;
  let found: any;
  found = await clients.fetchHistory(user);
  found = views.renderHistory(found);
  response.json(found);
});
