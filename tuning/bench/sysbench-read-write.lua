-- SPDX-License-Identifier: PostgreSQL
-- sysbench's oltp_read_write, in the schema of the data set, and with a log of every transaction as pgbench writes it:
-- client, number, latency in us or "failed", script, second and microsecond of the end. sysbench has only histograms.
require("oltp_read_write")

local ffi = require("ffi")
ffi.cdef [[
struct labctl_time { long s, us; };
int gettimeofday(struct labctl_time *now, void *zone);
]]

local inner_prepare, inner_event = prepare_statements, event
local now = ffi.new("struct labctl_time")
local log, count = nil, 0

local function clock()
   ffi.C.gettimeofday(now, nil)
   return tonumber(now.s), tonumber(now.us)
end

-- Called by thread_init() after it has connected.
function prepare_statements()
   con:query("SET search_path TO @{schema:raw}")
   inner_prepare()
   log = assert(io.open(string.format("log.%s.%d", os.getenv("LABCTL_DRIVE"), sysbench.tid), "w"))
end

function event()
   local s1, us1 = clock()
   local ok, why = pcall(inner_event)
   local s2, us2 = clock()

   log:write(string.format("%d %d %s 0 %d %d\n", sysbench.tid, count, ok and (s2 - s1) * 1000000 + us2 - us1 or "failed", s2, us2))
   count = count + 1
   if not ok then error(why, 0) end
end
