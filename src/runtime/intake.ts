/** The way in from outside, such as polling. */
export interface Intake {
  readonly start: () => void;
  /** Resolves when nothing more is taken in. */
  readonly stop: () => Promise<void>;
  /** A deadline waits for the news: they are wanted now. */
  readonly hurry: () => void;
}
