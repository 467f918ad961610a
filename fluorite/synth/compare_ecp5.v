// Comparisons for Yosys on Lattice ECP5, by fluorite: the sign of a difference that is one bit wider.
//
// A sum bit leaves a carry chain directly. The carries that Yosys's own mapping looks at (two of them where the operands
// are signed) leave it through the fabric and enter it again, some 2 ns each.

(* techmap_celltype = "$lt $le $gt $ge" *)
module fluorite_compare (A, B, Y);
  parameter A_SIGNED = 0;
  parameter B_SIGNED = 0;
  parameter A_WIDTH = 1;
  parameter B_WIDTH = 1;
  parameter Y_WIDTH = 1;
  parameter _TECHMAP_CELLTYPE_ = "";
  parameter _TECHMAP_CONSTMSK_A_ = 0;
  parameter _TECHMAP_CONSTMSK_B_ = 0;

  (* force_downto *) input [A_WIDTH-1:0] A;
  (* force_downto *) input [B_WIDTH-1:0] B;
  (* force_downto *) output [Y_WIDTH-1:0] Y;

  localparam SIGNED = A_SIGNED && B_SIGNED;
  localparam WIDTH = (A_WIDTH > B_WIDTH ? A_WIDTH : B_WIDTH) + 1;
  localparam CONSTANT = &_TECHMAP_CONSTMSK_A_ || &_TECHMAP_CONSTMSK_B_;
  // Short ones, and those with a constant, fit a few look-up tables.
  wire _TECHMAP_FAIL_ = WIDTH < 7 || CONSTANT;

  wire [WIDTH-1:0] a = {{(WIDTH - A_WIDTH){SIGNED ? A[A_WIDTH-1] : 1'b0}}, A};
  wire [WIDTH-1:0] b = {{(WIDTH - B_WIDTH){SIGNED ? B[B_WIDTH-1] : 1'b0}}, B};

  generate
    if (_TECHMAP_CELLTYPE_ == "$lt" || _TECHMAP_CELLTYPE_ == "$ge") begin
      wire [WIDTH-1:0] difference = a - b;
      assign Y = _TECHMAP_CELLTYPE_ == "$lt" ? difference[WIDTH-1] : !difference[WIDTH-1];
    end else begin
      wire [WIDTH-1:0] difference = b - a;
      assign Y = _TECHMAP_CELLTYPE_ == "$gt" ? difference[WIDTH-1] : !difference[WIDTH-1];
    end
  endgenerate
endmodule
