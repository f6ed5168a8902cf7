import { talk as basic, sends } from '#telegram';
import type { ClubFeature } from './parts.ts';

/** What the club says of its own accord, and what it answers. */
export const talk: ClubFeature = {
  effects: { ...basic.effects, sendMaterial: { perform: sends } },
  messages: ['something_broke'],
};
