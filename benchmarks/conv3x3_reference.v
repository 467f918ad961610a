// A hand-written 3x3 binomial filter, one 8-bit pixel a cycle: the reference generated cores are compared with.
//
//   out(x, y) = (sum of w(i) w(j) in(x + i, y + j) + 8) >> 4 for i, j in 0..2, w = 1 2 1
//
// The input region is `width` x `height`, the output region (width - 2) x (height - 2). The two older rows of a
// column share one word of one memory. Everything moves on one enable, which a full output register takes away.
module conv3x3 #(
    parameter MAX_WIDTH = 2048,
    parameter ADDRESS_BITS = 11
) (
    input wire clk,
    input wire rst,
    input wire launch_valid,
    output wire launch_ready,
    output wire busy,
    input wire [15:0] width,
    input wire [15:0] height,
    input wire source_valid,
    output wire source_ready,
    input wire [7:0] source_data,
    output wire result_valid,
    input wire result_ready,
    output wire [7:0] result_data,
    output wire result_last
);
    // Launches: `scanning` while input is taken, `draining` from the first word of a launch to its last output.
    reg scanning;
    reg [1:0] launches;  // accepted, last output word not yet taken
    assign launch_ready = !scanning && launches != 2'd2;
    assign busy = launches != 2'd0;

    // Scan of the input region.
    reg [15:0] x, y;
    wire enable = !result_valid || result_ready;
    wire take = source_valid && source_ready;
    wire row_end = x + 16'd1 == width;
    wire region_end = row_end && y + 16'd1 == height;
    assign source_ready = scanning && enable;

    wire launch = launch_valid && launch_ready;
    wire finish = result_valid && result_ready && result_last;
    always @(posedge clk) begin
        if (rst) begin
            scanning <= 1'b0;
            launches <= 2'd0;
            x <= 16'd0;
            y <= 16'd0;
        end else begin
            launches <= launches + {1'b0, launch} - {1'b0, finish};
            if (launch) scanning <= 1'b1;
            else if (take && region_end) scanning <= 1'b0;
            if (take) begin
                x <= row_end ? 16'd0 : x + 16'd1;
                if (row_end) y <= region_end ? 16'd0 : y + 16'd1;
            end
        end
    end

    // Line buffer, read at x: {row y - 2, row y - 1}; one cycle later the column is complete.
    reg [15:0] lines [0:MAX_WIDTH-1];
    reg [15:0] older;
    reg [7:0] newest;
    reg [ADDRESS_BITS-1:0] column;
    reg column_valid, column_inside, column_last;
    wire [23:0] window_column = {older, newest};  // rows y - 2, y - 1, y
    always @(posedge clk) begin
        if (enable) begin
            if (take) begin
                older <= lines[x[ADDRESS_BITS-1:0]];
                newest <= source_data;
                column <= x[ADDRESS_BITS-1:0];
            end
            if (column_valid) lines[column] <= {older[7:0], newest};
        end
    end
    always @(posedge clk) begin
        if (rst) column_valid <= 1'b0;
        else if (enable) column_valid <= take;
        if (enable) begin
            column_inside <= x >= 16'd2 && y >= 16'd2;
            column_last <= region_end;
        end
    end

    // Vertical sums, then the horizontal one over three columns.
    wire [9:0] vertical = {2'b0, window_column[23:16]} + {1'b0, window_column[15:8], 1'b0} + {2'b0, window_column[7:0]};
    reg [9:0] vertical_1, vertical_2;
    wire [11:0] sum = {2'b0, vertical_2} + {1'b0, vertical_1, 1'b0} + {2'b0, vertical} + 12'd8;
    reg [7:0] out_data;
    reg out_valid, out_last;
    always @(posedge clk) begin
        if (rst) out_valid <= 1'b0;
        else if (enable) out_valid <= column_valid && column_inside;
        if (enable) begin
            if (column_valid) begin
                vertical_1 <= vertical;
                vertical_2 <= vertical_1;
            end
            out_data <= sum[11:4];
            out_last <= column_last;
        end
    end
    assign result_valid = out_valid;
    assign result_data = out_data;
    assign result_last = out_last;
endmodule
