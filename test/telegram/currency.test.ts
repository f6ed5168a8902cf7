import { describe, expect, it } from 'vitest';
import { amountOf, currencies, digitsOf, moneyIn, wholeOf } from '../../src/telegram/currency.ts';

describe('amounts in the smallest units', () => {
  it.each([
    ['XTR', 250, '250 XTR'],
    ['EUR', 1, '0.01 EUR'],
    ['EUR', 1_900, '19.00 EUR'],
    ['JPY', 1_900, '1900 JPY'],
    // Intl counts no digits in these, and three in the last.
    ['IDR', 1_500_000, '15000.00 IDR'],
    ['HUF', 199_900, '1999.00 HUF'],
    ['COP', 100, '1.00 COP'],
    ['UGX', 5_000, '5000 UGX'],
    ['BHD', 1_234, '1.234 BHD'],
    ['JOD', 1_234, '12.34 JOD'],
    ['<b>', 5, '5 <b>'],
  ])('%s %d', (currency, amount, shown) => {
    expect(amountOf({ amount, currency })).toBe(shown);
  });

  it('are shown in a language’s own way, with Telegram’s digits', () => {
    expect(moneyIn('en', 1_500_000, 'IDR')).toBe('IDR\u00a015,000.00');
    expect(moneyIn('ru', 1, 'EUR')).toBe('0,01\u00a0€');
    expect(moneyIn('en', 1_900, 'JPY')).toBe('¥1,900');
    expect(moneyIn('en', 1_234, 'IQD')).toBe('IQD\u00a01.234');
    expect(moneyIn('en', 5, '<b>')).toBe('5 <b>');
    expect(wholeOf(1_950, 'EUR')).toBe(19.5);
  });

  it('have two digits in most of what Telegram offers', () => {
    const others = [...currencies].filter((currency) => digitsOf(currency) !== 2);
    expect(others.sort()).toEqual(['BHD', 'CLP', 'IQD', 'ISK', 'JPY', 'KRW', 'PYG', 'UGX', 'VND', 'XTR']);
  });
});
