/** Those whose digits are not two, as Telegram counts them. Intl counts others: none for IDR and HUF, for example. */
const otherDigits: Readonly<Record<string, number>> = {
  XTR: 0,
  BYR: 0,
  CLP: 0,
  ISK: 0,
  JPY: 0,
  KRW: 0,
  PYG: 0,
  UGX: 0,
  VND: 0,
  BHD: 3,
  IQD: 3,
};

/** What Telegram's own clients can show a price in, without the currencies that are withdrawn. */
export const currencies: ReadonlySet<string> = new Set(
  (
    'XTR AED AFN ALL AMD ARS AUD AZN BAM BDT BGN BHD BND BOB BRL BYN CAD CHF CLP CNY COP CRC CZK DKK DOP DZD EGP EUR ' +
    'GBP GEL GTQ HKD HNL HUF IDR ILS INR IQD IRR ISK JMD JPY KES KGS KRW KZT LBP LKR MAD MDL MNT MUR MVR MXN MYR MZN ' +
    'NGN NIO NOK NPR NZD PAB PEN PHP PKR PLN PYG QAR RON RSD RUB SAR SEK SGD SYP THB TJS TRY TTD TWD TZS UAH UGX USD ' +
    'UYU UZS VND YER ZAR'
  ).split(' '),
);

/**
 * The most that a price may be, in the currency's smallest units. Stars: what Telegram documents for every price in Stars
 * of a bot. Dollars: 10,000. The other limits are that much by the rate of the day, so that only Telegram knows them:
 * this is more than it takes in any of them.
 */
export const highestPrice = (currency: string): number =>
  currency === 'XTR' ? 10_000 : currency === 'USD' ? 1_000_000 : 99_999_999_999;

/** The least, in the same units. Only that of dollars does not change with the rates. */
export const lowestPrice = (currency: string): number => (currency === 'USD' ? 100 : 1);

/** How many digits an amount of Telegram's has behind the point. A payment's currency comes from outside: 0 for no code. */
export function digitsOf(currency: string): number {
  return /^[A-Z]{3}$/.test(currency) ? (otherDigits[currency] ?? 2) : 0;
}

/** From the smallest units to whole ones: 1900 in EUR is 19. */
export const wholeOf = (amount: number, currency: string): number => amount / 10 ** digitsOf(currency);

/** As a program shows it, in any language: `250 XTR`, `19.00 EUR`, `0.01 EUR`. */
export const amountOf = ({ amount, currency }: { readonly amount: number; readonly currency: string }) =>
  `${wholeOf(amount, currency).toFixed(digitsOf(currency))} ${currency}`;

/** As a person of a language reads it: `19,00 €`. Not for Stars, whose name only the content knows. */
export function moneyIn(language: string, amount: number, currency: string): string {
  if (!/^[A-Z]{3}$/.test(currency)) return `${amount} ${currency}`;
  const digits = digitsOf(currency);
  const format = new Intl.NumberFormat(language, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(wholeOf(amount, currency));
}
