/** What must hold whenever nothing is left to be done. docs/operator.md says them in words. */
export const sentences = {
  access: 'Who has paid and was not refunded has access',
  more: 'Nobody has access for longer than was paid or granted',
  ended: 'When access is over, the conversations know it',
  inside: 'Nobody is inside the club without access, or the operator knows of it',
  link: 'A link lets in nobody but who has access',
  extra: 'A payment too many goes back, or the operator knows of it',
  refund: 'Money goes back by itself only for what was paid twice, and was told of as it happened',
  debt: 'Every debt is paid, or the operator knows of it',
  off: 'A subscription that gives nothing, or must not go on, is off at Telegram, or the operator knows of it',
  buy: 'Who has no access, or a time that ends, can buy',
  nothing: 'Nobody can pay for what is theirs already',
  enter: 'Who has access can get in, and is not taken out',
  found: 'A payment or refund whose update was lost is found in the list',
  letter: 'No step fails',
  quiet: 'Everything comes to an end',
} as const;
export type Sentence = keyof typeof sentences;

/** A sentence that does not hold. */
export class Violation extends Error {
  override name = 'Violation';
  readonly sentence: Sentence;
  constructor(sentence: Sentence, what: string) {
    super(what);
    this.sentence = sentence;
  }
}
