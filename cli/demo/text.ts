// A text in the demo's corpus.

export interface DemoText {
  id: string;
  text: string;
}
