#!lua
-- Stores updates that have not been seen before.
-- KEYS[1] {p:s}:inbox   KEYS[2] {p:s}:inbox:checkout   KEYS[3...] {p:s}:seen:<block>, bitmaps of update ids
-- ARGV[1] seconds to remember an update id, then for each update five arguments:
--   stream (1 or 2), index of its bitmap among KEYS, bit, field, text
-- Returns how many were new.
local added = 0
for i = 2, #ARGV, 5 do
  local seen = KEYS[tonumber(ARGV[i + 1])]
  if redis.call('SETBIT', seen, ARGV[i + 2], 1) == 0 then
    local stored = redis.pcall('XADD', KEYS[tonumber(ARGV[i])], '*', ARGV[i + 3], ARGV[i + 4])
    if type(stored) == 'table' then
      -- A stream that refuses it must not leave it behind as seen.
      redis.call('SETBIT', seen, ARGV[i + 2], 0)
      return stored
    end
    added = added + 1
  end
end
for i = 3, #KEYS do redis.call('EXPIRE', KEYS[i], ARGV[1]) end
return added
