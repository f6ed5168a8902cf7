/** A file of the media folder, turned into a file_id or an upload just before sending. */
export interface MediaRef {
  readonly media: string;
}

/** A call of the Bot API. The payload may hold MediaRef values. */
export interface Call {
  readonly method: string;
  readonly payload: Record<string, unknown>;
  /** The call that follows with this one's answer. */
  readonly next?: (answer: unknown) => Call;
}
