// Whether a step is in progress. In a file without imports, because the process reads it before it knows whether
// it may open enough files to load anything else.

let steps = 0;

/** Whether a step is in progress, so that interrupting it loses something. */
export function isAtWork(): boolean {
  return steps > 0;
}

/** Marks a step as in progress until the function that it returns is called. */
export function beginWork(): () => void {
  steps++;
  return () => {
    steps--;
  };
}
