// The least a static 3x3 binomial filter takes, written by hand: sums wrap at the pixel's width, result is sum >> 4.
//
// Valid in, valid out; no ready, no launches, one frame size. Everything moves on in_valid. The two older rows of a column
// share one word of one memory; the column sum (1 2 1) is built first, then the row sum over three of them.
module conv3x3_floor #(
    parameter BITS = 8,
    parameter WIDTH = 1920,
    parameter HEIGHT = 1080
) (
    input wire clk,
    input wire rst,
    input wire in_valid,
    input wire [BITS-1:0] in_data,
    output reg out_valid,
    output reg [BITS-1:0] out_data
);
    // Raster counter.
    reg [10:0] x, y;
    wire row_end = x == WIDTH - 1;
    wire [10:0] next_x = x + 11'd1;
    always @(posedge clk) begin
        if (rst || (in_valid && row_end)) x <= 11'd0;
        else if (in_valid) x <= next_x;
        if (rst || (in_valid && row_end && y == HEIGHT - 1)) y <= 11'd0;
        else if (in_valid && row_end) y <= y + 11'd1;
    end

    // Whether the window lies inside the frame, two columns and rows behind: set once a row or frame, reset at its end.
    reg column_inside, row_inside;
    always @(posedge clk) begin
        if (rst || (in_valid && row_end)) column_inside <= 1'b0;
        else if (in_valid && x == 11'd1) column_inside <= 1'b1;
        if (rst || (in_valid && row_end && y == HEIGHT - 1)) row_inside <= 1'b0;
        else if (in_valid && row_end && y == 11'd1) row_inside <= 1'b1;
        out_valid <= in_valid && column_inside && row_inside && !rst;
    end

    // Line buffer: a word read at x holds rows y - 2 and y - 1; it is read for the next column while this one is written.
    reg [2*BITS-1:0] lines [0:WIDTH-1];
    reg [2*BITS-1:0] older;
    wire [10:0] read_x = row_end ? 11'd0 : next_x;
    always @(posedge clk) begin
        if (in_valid) begin
            older <= lines[read_x];
            lines[x] <= {older[BITS-1:0], in_data};
        end
    end

    // Column sum, row sum.
    wire [BITS-1:0] column = older[2*BITS-1:BITS] + {older[BITS-2:0], 1'b0} + in_data;
    reg [BITS-1:0] column_1, column_2;
    wire [BITS-1:0] sum = column + {column_1[BITS-2:0], 1'b0} + column_2;
    always @(posedge clk) begin
        if (in_valid) begin
            column_1 <= column;
            column_2 <= column_1;
            out_data <= sum >> 4;
        end
    end
endmodule
