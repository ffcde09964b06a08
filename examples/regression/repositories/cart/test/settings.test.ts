import { settings } from '../src/settings';

test('a port is set', () => expect(settings.httpPort).toBeGreaterThan(0));
