import { ExitError } from '#runtime';

/** The exit code for an error that stops a command, after sysexits.h. */
export const exitCodeOf = (error: unknown): number => (error instanceof ExitError ? error.exitCode : 1);

/** What a person is told of it: a fault of the program with its stack. */
export function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof ExitError ? error.message : (error.stack ?? error.message);
}
