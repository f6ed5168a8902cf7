import { ExitError, exitCodes } from '../refused.ts';

/** Another bot works with this DATA_DIR. */
export class DataDirInUse extends ExitError {
  constructor(message: string) {
    super(exitCodes.temporary, message);
  }
}

/** The embedded server could not be started. */
export class ServerFailed extends ExitError {
  constructor(message: string, options?: ErrorOptions) {
    super(exitCodes.unavailable, message, options);
  }
}
