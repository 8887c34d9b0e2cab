/** Version of the wire between server and daemon. It rises when an older peer could misread a newer one. */
export const WIRE_VERSION = 1;

/** Oldest daemon wire that this server still talks to. */
export const OLDEST_WIRE_VERSION = 1;

/** Version of makima, the same for every room. */
export const MAKIMA_VERSION = "0.1.0";
