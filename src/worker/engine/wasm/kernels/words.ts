/**
 * Where the fields of an operation's record lie, in words of four bytes: written in TypeScript, read by
 * the kernels in AssemblyScript, both compiled from this file. Fields that end in `Pointer` are byte
 * addresses, in `Step` byte distances; the others count elements. Numbers with a fraction are float32.
 */

/** Words of a record. */
export const RECORD_WORDS = 48;
/** Which operation it is, and whether all threads meet after it. */
export const OPERATION = 0;
export const BARRIER = 1;
/** Shares of it that threads have claimed; away from the fields, which all of them read. */
export const CLAIMS = 47;

export const STAGE = 101;
export const PACK = 102;
export const ROWS = 103;
export const FILTER = 104;
export const NORM_PARTIALS = 105;
export const NORM_FINISH = 106;
export const NORM_INFERENCE = 107;
export const NORM_GRADIENT_PARTIALS = 108;
export const NORM_GRADIENT_FINISH = 109;
export const BIAS_PARTIALS = 110;
export const BIAS_FINISH = 111;
export const OVERLAP = 119;
export const COMBINE = 120;

/**
 * An operation that works on rows of the plan ("images" here, since most have positions) has a table
 * with these words for each of them.
 */
export const IMAGE_WORDS = 6;
/** Row of the operand, of tensors of the forward pass, and of the result. */
export const IMAGE_SOURCE_ROW = 0;
export const IMAGE_FORWARD_ROW = 1;
export const IMAGE_TARGET_ROW = 2;
export const IMAGE_FORWARD_SEGMENT = 3;
export const IMAGE_GRADIENT_SEGMENT = 4;
/** Rows of its segment before it. */
export const IMAGE_IN_SEGMENT = 5;

/**
 * A snippet: what happens to one position's channels. Lists lie one snippet after the other, ended
 * by a code of 0. Tables have an entry a segment, `step` bytes apart.
 */
export const SNIPPET_WORDS = 8;
export const SNIPPET_CODE = 0;
export const SNIPPET_A = 1;
export const SNIPPET_B = 2;
export const SNIPPET_STEP = 3;
export const SNIPPET_NUMBER = 4;
/** x + a[channel] */
export const SNIPPET_BIAS = 1;
/** x a[forward segment][channel] + b[forward segment][channel] */
export const SNIPPET_AFFINE = 2;
/** x where x > 0, else number x */
export const SNIPPET_LEAKY = 3;
export const SNIPPET_TANH = 4;
/** number x where bit e & 31 of word e >> 5 of a + offsets[forward segment] is set, else 0 */
export const SNIPPET_MASK = 5;
/** p x + q a[element] + r with p, q, r, a table each, at b[gradient segment] */
export const SNIPPET_NORM_GRADIENT = 6;
/** x where a[element] > 0, else number x */
export const SNIPPET_LEAKY_GRADIENT = 7;
/** The same with a[element] scaled and shifted by two tables, at b[forward segment], one after the other. */
export const SNIPPET_LEAKY_AFFINE_GRADIENT = 8;
/** x (1 - a[element]^2) */
export const SNIPPET_TANH_GRADIENT = 9;
/** x + a[gradient segment][element of the row] */
export const SNIPPET_VECTOR = 10;
/** LEAKY, then MASK: words a and SNIPPET_SCALE are the mask's, number the slope. */
export const SNIPPET_LEAKY_MASK = 11;
/** MASK and LEAKY_GRADIENT: words b and SNIPPET_SCALE are the mask's, a and number those of the gradient. */
export const SNIPPET_MASKED_LEAKY_GRADIENT = 12;
/** AFFINE, then LEAKY. */
export const SNIPPET_AFFINE_LEAKY = 13;
/** Bytes from the first to the second of two neighbouring tables of channels. */
export const SNIPPET_TABLE = 5;
/** Mask: pointer to the first word's offset of each forward segment; its number, where that is taken. */
export const SNIPPET_OFFSETS = 6;
export const SNIPPET_SCALE = 7;

/** The run's words at a fixed place: key of the streams, updates done, and the threads' meeting place. */
export const RUN_KEY0 = 0;
export const RUN_KEY1 = 1;
export const RUN_STEP = 2;
/** Evaluation: first test image, and how many rows count. */
export const RUN_FIRST = 3;
export const RUN_ROWS = 4;

/**
 * STAGE: the left operand of a product, its prologue applied, with the zero border that its windows
 * reach into.
 */
export const STAGE_SOURCE = 2;
export const STAGE_TARGET = 3;
export const STAGE_IMAGES = 4;
export const STAGE_HEIGHT = 5;
export const STAGE_WIDTH = 6;
export const STAGE_CHANNELS = 7;
export const STAGE_TOP = 8;
export const STAGE_LEFT = 9;
export const STAGE_PADDED_HEIGHT = 10;
export const STAGE_PADDED_WIDTH = 11;
export const STAGE_SNIPPETS = 12;
/** The operation's table of images. */
export const STAGE_TABLE = 13;

/**
 * PACK: weights as the right operand, in panels of eight columns, [panel][depth][8], zero past the last filter.
 * Depth is (tap y, tap x, channel), column the filter. Steps are byte distances, negative where taps run backwards.
 */
export const PACK_SOURCE = 2;
export const PACK_TARGET = 3;
export const PACK_TAPS_Y = 4;
export const PACK_TAPS_X = 5;
export const PACK_CHANNELS = 6;
export const PACK_FILTERS = 7;
export const PACK_STEP_Y = 8;
export const PACK_STEP_X = 9;
export const PACK_CHANNEL_STEP = 10;
export const PACK_FILTER_STEP = 11;
/** From a panel to the next: more than its depth where it is packed by several records. */
export const PACK_PANEL_STEP = 12;

/**
 * ROWS: product of windows and packed columns. Window (image, y, x) begins at left + image x image step
 * + y x row step + x x column step and has `runs` runs of `run length` floats. Output likewise: row (y, x) goes to
 * output (scale x row + offset). There are several parts, each with outputs of its own, where windows have no
 * more than ROWS_CHUNK floats: they are packed once for all.
 */
export const ROWS_LEFT = 2;
export const ROWS_LEFT_IMAGE_STEP = 3;
export const ROWS_LEFT_ROW_STEP = 4;
export const ROWS_LEFT_COLUMN_STEP = 5;
export const ROWS_RUNS = 6;
export const ROWS_RUN_LENGTH = 7;
export const ROWS_RUN_STEP = 8;
export const ROWS_PARTS = 9;
export const ROWS_PART_COUNT = 10;
export const ROWS_IMAGES = 11;
export const ROWS_Y = 12;
export const ROWS_X = 13;
/** Output channels. */
export const ROWS_FILTERS = 14;
export const ROWS_OUT = 15;
export const ROWS_OUT_HEIGHT = 16;
export const ROWS_OUT_WIDTH = 17;
export const ROWS_SCALE_Y = 18;
export const ROWS_SCALE_X = 19;
export const ROWS_SNIPPETS = 20;
export const ROWS_TABLE = 21;
/** 1 where outputs go to their place at once: channels fill whole panels. */
export const ROWS_IS_DIRECT = 22;
/** What the output channels begin with, or 0. Where they go to their place at once. */
export const ROWS_BIAS = 23;

/** Depth that is packed and multiplied at a time: the packed rows and a panel of so much stay in the first-level cache. */
export const ROWS_CHUNK = 256;

export const PART_WORDS = 8;
/** The right operand, and bytes from a panel of it to the next. */
export const PART_RIGHT = 0;
export const PART_PANEL_STEP = 1;
/** Which floats of a window it multiplies: from the first on so many pieces of so many, a step apart. */
export const PART_FIRST = 2;
export const PART_PIECES = 3;
export const PART_PIECE = 4;
export const PART_PIECE_STEP = 5;
export const PART_OFFSET_Y = 6;
export const PART_OFFSET_X = 7;

/**
 * OVERLAP: rows of a matrix product, one for each position (y, x) of an image of the small side, added up where they
 * overlap, then the epilogue. A row has the kernel's lines one after the other, floats (tap x, channel), and
 * `columns` floats in all; line i goes to the line stride x y - top + i of the output, from pixel stride x x - left on.
 */
export const OVERLAP_SOURCE = 2;
export const OVERLAP_TARGET = 3;
export const OVERLAP_IMAGES = 4;
export const OVERLAP_ROWS_Y = 5;
export const OVERLAP_ROWS_X = 6;
export const OVERLAP_COLUMNS = 7;
export const OVERLAP_LINES = 8;
/** Taps of a line. */
export const OVERLAP_TAPS = 9;
export const OVERLAP_CHANNELS = 10;
export const OVERLAP_HEIGHT = 11;
export const OVERLAP_WIDTH = 12;
export const OVERLAP_STRIDE = 13;
export const OVERLAP_TOP = 14;
export const OVERLAP_LEFT = 15;
export const OVERLAP_SNIPPETS = 16;
export const OVERLAP_TABLE = 17;

/**
 * COMBINE: images whose lines are sums of lines of others, whose columns are then sums of columns, and the epilogue.
 * Image i goes to the row that the table says, or to row i without one; source images are `source width` wide.
 */
export const COMBINE_SOURCE = 2;
export const COMBINE_IMAGE_STEP = 3;
export const COMBINE_SOURCE_WIDTH = 4;
export const COMBINE_TARGET = 5;
export const COMBINE_IMAGES = 6;
export const COMBINE_HEIGHT = 7;
export const COMBINE_WIDTH = 8;
/** A multiple of eight. */
export const COMBINE_CHANNELS = 9;
/** Tables of sums, one for each line and one for each column. */
export const COMBINE_LINES = 10;
export const COMBINE_COLUMNS = 11;
export const COMBINE_SNIPPETS = 12;
export const COMBINE_TABLE = 13;

/** A sum: how many bytes further on its terms lie, their factors, and how many they are. A single term has factor 1. */
export const SUM_WORDS = 8;
export const SUM_TERMS = 3;
export const SUM_FACTORS = 3;
export const SUM_COUNT = 6;

/**
 * FILTER: gradient of a kernel. Row m of the output is (run, float in it) of the windows, column a
 * filter; the depth is positions of images. Term t adds the window at left + table[2 t], a run `run step`
 * further each, times the filters at right + table[2 t + 1].
 */
export const FILTER_LEFT = 2;
export const FILTER_RUNS = 3;
export const FILTER_RUN_LENGTH = 4;
export const FILTER_RUN_STEP = 5;
export const FILTER_RIGHT = 6;
export const FILTER_TABLE = 7;
export const FILTER_DEPTH = 8;
export const FILTER_FILTERS = 9;
export const FILTER_OUT = 10;
/** From the first row of a run to that of the next. */
export const FILTER_OUT_RUN_STEP = 11;

/**
 * The threads' meeting place, words from the start of the run's block: which program is to be run by
 * whom, how many have arrived at the barrier, and how many sleep there.
 */
export const TEAM_COMMAND = 16;
export const TEAM_PROGRAM = 17;
export const TEAM_RECORDS = 18;
export const TEAM_THREADS = 19;
export const TEAM_SPINS = 20;
export const TEAM_STOP = 21;
export const TEAM_ARRIVED = 32;
export const TEAM_GENERATION = 48;
export const TEAM_SLEEPERS = 49;
/** 1 once a thread has waited in vain for another: the run's tensors are no longer whole. */
export const TEAM_BROKEN = 50;
/** How long a thread waits for another before it takes it for dead. Milliseconds. */
export const TEAM_PATIENCE = 22;
/** For each helper 1 where it takes part in commands, else 0. */
export const TEAM_MEMBERS = 64;
export const RUN_WORDS = 128;

/** Positions that one partial of a batch norm's statistics covers at most. */
export const NORM_BLOCK = 32;

/**
 * NORM_PARTIALS: mean and sum of squared deviations, by channel, of blocks of positions, into [block, 2,
 * padded channels]. A block is two words: first position, positions.
 */
export const PARTIALS_SOURCE = 2;
export const PARTIALS_TARGET = 3;
export const PARTIALS_CHANNELS = 4;
export const PARTIALS_TABLE = 5;
export const PARTIALS_BLOCKS = 6;
/**
 * NORM_GRADIENT_PARTIALS: sums of g and of g x'. A block is four words: first position of g, of the
 * raw tensor, positions, forward segment.
 */
export const PARTIALS_RAW = 7;
export const PARTIALS_STATISTICS = 8;

/**
 * NORM_FINISH, NORM_GRADIENT_FINISH: the blocks' partials merged in order, by segment. A segment is five
 * words: first block, blocks, forward segment, whether it trains, gradient segment.
 */
export const FINISH_PARTIALS = 2;
export const FINISH_TARGET = 3;
export const FINISH_CHANNELS = 4;
export const FINISH_TABLE = 5;
export const FINISH_SEGMENTS = 6;
export const FINISH_BLOCKS_TABLE = 7;
export const FINISH_GAMMA = 8;
export const FINISH_BETA = 9;
export const FINISH_MOVING_MEAN = 10;
export const FINISH_MOVING_VARIANCE = 11;
export const FINISH_EPSILON = 12;
export const FINISH_MOMENTUM = 13;
export const FINISH_UPDATES = 14;
/** Gradient only: statistics of the forward pass, and [2, channels] of gamma and beta, or 0. */
export const FINISH_STATISTICS = 15;
export const FINISH_GRADIENT = 16;

/** BIAS_PARTIALS: sums over the positions of each image after a chain, [image, padded channels]. */
export const BIAS_SOURCE = 2;
export const BIAS_TARGET = 3;
export const BIAS_CHANNELS = 4;
export const BIAS_POSITIONS = 5;
export const BIAS_IMAGES = 6;
export const BIAS_TABLE = 7;
export const BIAS_SNIPPETS = 8;
/** BIAS_FINISH: the sums over all images, into `channels` floats. */
export const BIAS_PARTIALS_POINTER = 9;
