/** Version of this build, as in package.json (a unit test compares the two). */
export const VERSION = '0.1.0';
