/** Style sheets of packages come as text (the bundler's `text` loader), to be put into the shadow root. */
declare module '*.css' {
  const text: string;
  export default text;
}
