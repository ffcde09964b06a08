import { settings } from './settings';

// This keeps the item.
export function storeItem(rows: any) {
  return rows;
}

// This adds up.
export function total(rows: any) {
  return rows;
}

