import { type ClubFeature, speech } from './parts.ts';

/** What the club says of its own accord, and what it answers. */
export const talk: ClubFeature = {
  effects: {
    send: speech,
    sendMaterial: { perform: (effect, { send }) => send(effect) },
    answerButton: { order: 'instant', perform: (effect, { send }) => send(effect) },
  },
  messages: ['something_broke'],
};
