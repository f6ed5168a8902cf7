#!lua flags=no-writes
-- Reads sessions of one shard, each with the book of its chat.
-- KEYS[1] {p:s}   ARGV session suffixes
-- Returns for each session four values: its text, its version, '1' when its person cannot be reached, and the lines of the
-- book, one a line; '' for none
local p = KEYS[1] .. ':'
local results = {}
for i = 1, #ARGV do
  local found = redis.call('HMGET', p .. ARGV[i], 's', 'n', 'b')
  for field = 1, 3 do results[#results + 1] = found[field] or '' end
  local fields = redis.call('LRANGE', p .. 'book:' .. string.match(ARGV[i], '[^:]*$'), 0, -1)
  local lines = {}
  for first = 1, #fields, 1000 do
    local texts = redis.call('HMGET', p .. 'ledger', unpack(fields, first, math.min(first + 999, #fields)))
    for line = 1, #texts do lines[#lines + 1] = texts[line] or nil end
  end
  results[#results + 1] = table.concat(lines, '\n')
end
return results
