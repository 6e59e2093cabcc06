// A text of the demo corpus.

export interface DemoText {
  id: string;
  text: string;
}
