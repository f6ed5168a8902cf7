import type { ClubFeature } from '../parts.ts';
import { sendData } from './data.ts';

/** What a person may ask of what is stored about them. */
export const privacy: ClubFeature = {
  effects: {
    sendData: {
      perform: async (effect, { content, stored, call }) =>
        sendData(effect, content(), await stored(effect.chat), call),
    },
  },
};
