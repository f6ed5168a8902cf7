#!lua flags=no-writes
-- Reads sessions of one shard.
-- KEYS[1] {p:s}   ARGV session suffixes
-- Returns for each session three values: its text, its version, and '1' when its person cannot be reached; '' for none
local p = KEYS[1] .. ':'
local results = {}
for i = 1, #ARGV do
  local found = redis.call('HMGET', p .. ARGV[i], 's', 'n', 'b')
  for field = 1, 3 do results[#results + 1] = found[field] or '' end
end
return results
