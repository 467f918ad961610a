// A DMA engine that copies memory, for the simulator's own tests: one AXI4 read master, one write master, registers.
//
//   0x00 id (0x434f5059)   0x04 write 1: start   0x08 bit 0 busy, bit 1 done (write 2 to clear), bit 2 error (write 4)
//   0x0c source   0x10 destination   0x14 beats of 8 bytes
module copier_axi (
    input wire clk, input wire rst, output wire interrupt,
    input wire s_axi_control_awvalid, output wire s_axi_control_awready, input wire [11:0] s_axi_control_awaddr,
    input wire s_axi_control_wvalid, output wire s_axi_control_wready, input wire [31:0] s_axi_control_wdata,
    input wire [3:0] s_axi_control_wstrb,
    output reg s_axi_control_bvalid, input wire s_axi_control_bready, output wire [1:0] s_axi_control_bresp,
    input wire s_axi_control_arvalid, output wire s_axi_control_arready, input wire [11:0] s_axi_control_araddr,
    output reg s_axi_control_rvalid, input wire s_axi_control_rready, output reg [31:0] s_axi_control_rdata,
    output wire [1:0] s_axi_control_rresp,

    output reg m_axi_source_arvalid, input wire m_axi_source_arready, output reg [31:0] m_axi_source_araddr,
    output reg [7:0] m_axi_source_arlen, output wire [2:0] m_axi_source_arsize, output wire [1:0] m_axi_source_arburst,
    input wire m_axi_source_rvalid, output wire m_axi_source_rready, input wire [63:0] m_axi_source_rdata,
    input wire [1:0] m_axi_source_rresp, input wire m_axi_source_rlast,

    output reg m_axi_result_awvalid, input wire m_axi_result_awready, output reg [31:0] m_axi_result_awaddr,
    output reg [7:0] m_axi_result_awlen, output wire [2:0] m_axi_result_awsize, output wire [1:0] m_axi_result_awburst,
    output wire m_axi_result_wvalid, input wire m_axi_result_wready, output wire [63:0] m_axi_result_wdata,
    output wire [7:0] m_axi_result_wstrb, output wire m_axi_result_wlast,
    input wire m_axi_result_bvalid, output wire m_axi_result_bready, input wire [1:0] m_axi_result_bresp
);
    reg [31:0] source, destination, beats;
    reg busy, done, error;
    assign interrupt = done;

    // Registers: one write and one read at a time.
    wire write = s_axi_control_awvalid && s_axi_control_wvalid && !s_axi_control_bvalid;
    assign s_axi_control_awready = write;
    assign s_axi_control_wready = write;
    assign s_axi_control_bresp = 2'd0;
    wire read = s_axi_control_arvalid && !s_axi_control_rvalid;
    assign s_axi_control_arready = read;
    assign s_axi_control_rresp = 2'd0;
    wire start = write && s_axi_control_awaddr == 12'h04 && s_axi_control_wdata[0] && !busy;

    // How many beats a burst at an address may have: 16, to the end of the page, to the end of the copy.
    function [7:0] burst(input [31:0] address, input [31:0] left);
        reg [9:0] page;
        begin
            page = 10'd512 - {1'b0, address[11:3]};
            burst = 8'd16;
            if (left < 32'd16) burst = left[7:0];
            if (page < {2'd0, burst}) burst = page[7:0];
        end
    endfunction

    // Reading: requests as long as the FIFO has room for their data.
    reg [31:0] read_address, read_left;
    reg [63:0] fifo [0:255];
    reg [8:0] filled, room;  // beats in the FIFO; beats that may still be asked for
    reg [7:0] head, tail;
    wire [7:0] read_beats = burst(read_address, read_left);
    wire ask = !m_axi_source_arvalid && read_left != 0 && room >= {1'b0, read_beats};
    assign m_axi_source_arsize = 3'd3;
    assign m_axi_source_arburst = 2'd1;
    assign m_axi_source_rready = 1'b1;
    wire got = m_axi_source_rvalid && m_axi_source_rready;

    // Writing: one burst after another, once all its data is there.
    reg [31:0] write_address, write_left;
    reg [7:0] write_count;   // beats of the burst still to be sent
    reg [31:0] unanswered;
    wire [7:0] write_beats = burst(write_address, write_left);
    wire begin_write = !m_axi_result_awvalid && write_count == 0 && write_left != 0 && filled >= {1'b0, write_beats};
    assign m_axi_result_awsize = 3'd3;
    assign m_axi_result_awburst = 2'd1;
    assign m_axi_result_wvalid = write_count != 0;
    assign m_axi_result_wdata = fifo[tail];
    assign m_axi_result_wstrb = 8'hff;
    assign m_axi_result_wlast = write_count == 8'd1;
    assign m_axi_result_bready = 1'b1;
    wire put = m_axi_result_wvalid && m_axi_result_wready;
    wire answered = m_axi_result_bvalid && m_axi_result_bready;

    always @(posedge clk) begin
        if (write) s_axi_control_bvalid <= 1'b1;
        else if (s_axi_control_bready) s_axi_control_bvalid <= 1'b0;
        if (write) case (s_axi_control_awaddr)
            12'h08: begin
                if (s_axi_control_wdata[1]) done <= 1'b0;
                if (s_axi_control_wdata[2]) error <= 1'b0;
            end
            12'h0c: source <= s_axi_control_wdata;
            12'h10: destination <= s_axi_control_wdata;
            12'h14: beats <= s_axi_control_wdata;
            default: ;
        endcase
        if (read) begin
            s_axi_control_rvalid <= 1'b1;
            case (s_axi_control_araddr)
                12'h00: s_axi_control_rdata <= 32'h434f5059;
                12'h08: s_axi_control_rdata <= {29'd0, error, done, busy};
                12'h0c: s_axi_control_rdata <= source;
                12'h10: s_axi_control_rdata <= destination;
                12'h14: s_axi_control_rdata <= beats;
                default: s_axi_control_rdata <= 32'd0;
            endcase
        end else if (s_axi_control_rready) s_axi_control_rvalid <= 1'b0;

        if (start) begin
            busy <= 1'b1;
            read_address <= source;
            read_left <= beats;
            write_address <= destination;
            write_left <= beats;
        end
        if (ask) begin
            m_axi_source_arvalid <= 1'b1;
            m_axi_source_araddr <= read_address;
            m_axi_source_arlen <= read_beats - 8'd1;
            read_address <= read_address + {21'd0, read_beats, 3'd0};
            read_left <= read_left - {24'd0, read_beats};
        end else if (m_axi_source_arready) m_axi_source_arvalid <= 1'b0;
        if (got) begin
            fifo[head] <= m_axi_source_rdata;
            head <= head + 8'd1;
            if (m_axi_source_rresp != 0) error <= 1'b1;
        end
        if (begin_write) begin
            m_axi_result_awvalid <= 1'b1;
            m_axi_result_awaddr <= write_address;
            m_axi_result_awlen <= write_beats - 8'd1;
            write_address <= write_address + {21'd0, write_beats, 3'd0};
            write_left <= write_left - {24'd0, write_beats};
        end else if (m_axi_result_awready) m_axi_result_awvalid <= 1'b0;
        write_count <= begin_write ? write_beats : write_count - {7'd0, put};
        if (put) tail <= tail + 8'd1;
        if (answered && m_axi_result_bresp != 0) error <= 1'b1;
        filled <= filled + {8'd0, got} - {8'd0, put};
        room <= room - (ask ? {1'b0, read_beats} : 9'd0) + {8'd0, put};
        unanswered <= unanswered + {31'd0, begin_write} - {31'd0, answered};
        if (busy && !start && write_left == 0 && unanswered == 0 && !begin_write) begin
            busy <= 1'b0;
            done <= 1'b1;
        end
        if (rst) begin
            {s_axi_control_bvalid, s_axi_control_rvalid, m_axi_source_arvalid, m_axi_result_awvalid} <= 4'd0;
            {busy, done, error} <= 3'd0;
            {read_left, write_left, unanswered} <= 96'd0;
            {head, tail, write_count} <= 24'd0;
            filled <= 9'd0;
            room <= 9'd256;
        end
    end
endmodule
