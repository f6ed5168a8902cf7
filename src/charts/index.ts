export { diagramOf } from './diagram.ts';
export { mermaidOf } from './mermaid.ts';
