import { settings } from './settings';

// Builds the list.
export function renderList(rows: any[]) {
  const page = { title: 'Products', rows: [] as any[] };
  for (const row of rows) {
    page.rows.push({ id: row.id, label: row.name, price: row.price });
  }
  return page;
}

// Builds a page.
export function renderPage(product: any, stock: any) {
  return { ...product, available: stock.onHand > 0, banner: settings.bannerEnabled };
}

// This builds the history.
export function renderHistory(rows: any) {
  return rows;
}

