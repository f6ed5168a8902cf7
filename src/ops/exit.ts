/** Exit codes after sysexits.h. */
export const exitCodes = {
  usage: 64,
  noInput: 66,
  unavailable: 69,
  temporary: 75,
  configuration: 78,
} as const;

/** What a command was asked for cannot be found, or would come to nothing. */
export class CommandRefused extends Error {}

/** An operator has to mend something before a start can succeed. `exitCode` follows sysexits.h. */
export class StartRefused extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartRefused';
    this.exitCode = exitCode;
  }
}
