export { type AdoptOptions, adoptPayments } from './adopt.ts';
export { endDead, listDead, showDead } from './dead.ts';
export { type AuditFlags, auditDoor, DoorRefused } from './door.ts';
export {
  actOnMember,
  exportMembers,
  importMembers,
  listMembers,
  type MembersOptions,
  showMember,
} from './members.ts';
export { checkOnline, reportOnline } from './online.ts';
export { exportPayments, listPayments, reconcilePayments, refundOne, showPayment } from './payments.ts';
