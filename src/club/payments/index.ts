import { sends } from '#telegram';
import type { ClubFeature } from '../parts.ts';
import { askRefund, callOff, countExtra, dropRefund, refund, requestRefund } from './refund.ts';
import { paymentUpdates, routePayments } from './updates.ts';

/** What is sold, paid and given back. */
export const payments: ClubFeature = {
  updates: paymentUpdates,
  route: routePayments,
  effects: {
    sendInvoice: { perform: sends },
    approveCheckout: { lane: 'checkout', order: 'instant', perform: sends },
    rejectCheckout: {
      lane: 'checkout',
      order: 'instant',
      messages: ({ reason }) => [reason],
      perform: sends,
    },
    askRefund: { privileged: true, perform: askRefund },
    requestRefund: { privileged: true, perform: requestRefund },
    dropRefund: { privileged: true, perform: dropRefund },
    countExtra: { privileged: true, perform: countExtra },
  },
  actors: {
    refundPayment: { privileged: true, perform: refund },
    callOff: { privileged: true, perform: callOff },
  },
  messages: [
    'invoice_failed',
    'operator_invoice_refused',
    'operator_unadopted',
    'operator_refund_begun',
    'operator_refund_waits',
    'operator_refund_done',
    'operator_refund_not_owed',
    'operator_refund_impossible',
    'refund_confirm',
    'refund_cancelled',
  ],
};
