import type { Methods } from '../../world/world.ts';
import { clubMethods } from './club.ts';
import { editMethods } from './edits.ts';
import { messageMethods } from './messages.ts';
import { paymentMethods } from './payments.ts';
import { updateMethods } from './updates.ts';

/** Everything that is emulated, but getUpdates. */
export const methods: Methods = {
  ...updateMethods,
  ...messageMethods,
  ...editMethods,
  ...paymentMethods,
  ...clubMethods,
};
