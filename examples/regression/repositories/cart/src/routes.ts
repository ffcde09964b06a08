import { Router } from 'express';
import * as clients from './clients';
import { settings } from './settings';
import * as basket from './basket';
import * as limits from './limits';

export const router = Router();

router.post('/v1/carts/:user/items', async function addItem(request, response) {
  const { item, user } = request.params as any;
  let found: any;
  found = await clients.fetchPrice(item);
  found = await clients.checkStock(item);
  found = basket.storeItem(found);
  response.json(found);
});
