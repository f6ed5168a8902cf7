export { runDemo } from './demo.ts';
export { type Sale, sales } from './demo-content.ts';
