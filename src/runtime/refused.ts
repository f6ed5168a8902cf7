/** Exit codes after sysexits.h. */
export const exitCodes = {
  usage: 64,
  noInput: 66,
  unavailable: 69,
  temporary: 75,
  configuration: 78,
} as const;

/** Ends a command: its message is for the person who can mend it, and is shown without a stack. */
export class ExitError extends Error {
  /** After sysexits.h. */
  readonly exitCode: number;
  constructor(exitCode: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.exitCode = exitCode;
  }
}

/** What a command was asked for cannot be found, or would come to nothing. */
export class CommandRefused extends ExitError {
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.noInput, message, options);
  }
}

/** An operator has to mend something before a start can succeed. */
export class StartRefused extends ExitError {}

/** The same, where it is a setting, a machine or a server that is set wrong. */
export class Misconfigured extends StartRefused {
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.configuration, message, options);
  }
}
